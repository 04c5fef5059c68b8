"""What people type besides the stages. Each module has add_arguments(parser) and run(arguments).

`run` yields the lines for stdout and raises a RestemError for everything a user can mend; it does
not print. The module's docstring is the text of its `--help`.
"""
