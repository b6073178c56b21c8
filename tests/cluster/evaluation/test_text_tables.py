"""Tables of figures as text."""

from cluster.evaluation.text_tables import figures_table, markdown_table, number, text_table


def test_numbers_have_four_digits_and_a_dash_stands_for_none() -> None:
    assert [number(value) for value in (0.123456, 1234567.0, 3, None)] == ["0.1235", "1.235e+06", "3", "-"]
    assert number(0.5, ".1%") == "50.0%"


def test_columns_are_aligned_and_nothing_is_folded_or_taken_for_markup() -> None:
    text = text_table(["run", "a title of some length"], [["[bold]x", "1"], ["y" * 200, "22"]])
    lines = text.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("run ")
    assert lines[1].startswith("[bold]x ")
    assert {len(line) for line in lines} == {200 + 2 + len("a title of some length")}


def test_columns_that_no_row_has_are_left_out() -> None:
    rows = {"one": {"a": 0.25, "b": None}, "two": {"a": None}}
    assert figures_table(rows, {"a": "A", "b": "B"}, ".2f") == "        A\none  0.25\ntwo     -"


def test_markdown() -> None:
    assert markdown_table(["a", "b"], [["1", "2"]]).splitlines() == ["| a | b |", "| --- | --- |", "| 1 | 2 |"]
