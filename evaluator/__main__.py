"""`python -m evaluator` is `rexrank`."""

from evaluator.cli import main

main()
