"""What is measured beside what people would use instead: `make bench`, or `python -m bench rls`.

bench/<name>.py --measure--> Measured --> docs/benchmarks/<name>.json --> docs/benchmarks.md

A bench is a module with three names, and perhaps a fourth:

    ABOUT    what is measured and how, in Markdown; its first line is a heading
    GOALS    what was set out to be reached
    measure  (size) -> Measured, one after the other
    charts   (rows as in the JSON) -> SVG by file name

Ratios are taken within one run, whose contestants take turns. Nothing here is a timed test.
"""
