"""Takes what clocks send: batches, seals, the verdict on each record, the acknowledgement."""
