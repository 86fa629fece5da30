"""From what was said to messages in Slack: what they show, where they go, and who delivers them."""
