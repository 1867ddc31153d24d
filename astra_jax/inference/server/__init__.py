"""`astra serve`: the generation engine over HTTP, as OpenAI's API and as SGLang's own."""
