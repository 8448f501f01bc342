"""Training among firms: every firm a party of its own, which gives the others no more than the exchange asks for."""
