"""Other trackers that a run is told to: TensorBoard, MLflow, Weights & Biases, third parties'."""
