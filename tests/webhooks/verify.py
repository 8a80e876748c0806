"""Judges signatures with the reference library of Standard Webhooks: {"secret", "messages": [{"headers", "body"}]}."""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

question = json.load(sys.stdin)
webhook = Webhook(question["secret"])
for message in question["messages"]:
    webhook.verify(message["body"], message["headers"])
    try:
        webhook.verify(message["body"] + " ", message["headers"])
    except WebhookVerificationError:
        continue
    sys.exit("a message that was changed passes too")
