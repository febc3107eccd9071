"""What the NSSO publishes of its services: WSDL, schemas, limits, codes and names. Facts alone, no behaviour.

`authorities` calls the services and `sandbox` plays them; each implements what is defined here by itself.
"""
