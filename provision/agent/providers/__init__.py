"""One module a resource kind, each with a `provider`: it observes the resource and knows the steps to reach it."""
