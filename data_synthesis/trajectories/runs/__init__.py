"""An agent at work: it is asked, its calls are executed, and what happened is written down."""
