"""The wire contract: models shared by the server and its clients. Field names are camelCase on the wire."""
