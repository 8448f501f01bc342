"""What is known exactly: demand over a lead time, the serial optimum, a lower bound."""
