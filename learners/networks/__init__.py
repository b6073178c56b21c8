"""Networks: policies (paper, laptop) and discriminators."""
