"""Networks: who supplies whom, read from names, graphs and files, and checked."""
