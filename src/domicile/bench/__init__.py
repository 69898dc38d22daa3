"""What a query and a request cost of the processor: ours and the peers, side by side."""
