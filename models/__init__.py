"""The bundled model, and the tools that train, measure and export models. Never imported by the box."""
