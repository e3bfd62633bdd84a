"""What a number is: addresses, values, hyperparameters, parameters, ties, models.

Plain Python and NumPy. Knows no framework, no file and no screen.
"""
