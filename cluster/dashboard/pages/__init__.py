"""Pages: the context of each template, made from readers.

`run_pages`, `population_pages` and `population_record` have a function for each page, `population_frame` the frame
around a population's; `charts`, `lanes`, `pictures`, `theatre`, `sparkline` and `numbers` are parts of pages.
"""
