"""The dashboard: pages made from run folders alone, while training and years later, with no Ray alive.

What happens to a request: `access` lets it in, `server` finds the folder with `library`, `runs` and
`populations` read what is new in its files, `pages` makes HTML of it. `export` walks the same pages into files.
"""
