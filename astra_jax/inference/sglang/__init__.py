"""Generation by servers that speak SGLang's protocol: one engine over all of them, whose weights a trainer changes."""
