"""What differs between the backends that Keras runs on, where watching a training is concerned."""
