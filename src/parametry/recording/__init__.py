"""Recording a training: what was chosen, what was measured, and how both changed."""
