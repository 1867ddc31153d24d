"""Evaluation with the official data and checkers of public benchmarks, as configurations ask for it."""
