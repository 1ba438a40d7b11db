"""Every proof: unit, adapters, simulation, end to end, benchmarks, tidiness."""
