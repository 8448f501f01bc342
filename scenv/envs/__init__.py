"""The doors that learners use: PettingZoo, Gymnasium, wrappers."""
