"""What all pictures stand on: the canvas and the colours. Comparisons, networks and episodes are drawn elsewhere."""
