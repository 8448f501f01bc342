"""What stands between a party and the others: kinds of message, gate, audit log, masks, certificates, transport."""
