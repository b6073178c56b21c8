"""Networks: painting policies (`policy` is their base), discriminators and TD3's; `build` makes them from settings."""
