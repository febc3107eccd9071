"""What the NSSO publishes about its services: WSDL, schemas, limits, codes and names. Only facts, no behaviour.

`authorities` calls the services and `sandbox` simulates them; each implements these definitions independently.
"""
