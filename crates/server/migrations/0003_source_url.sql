-- Where a started stream is played from; NULL: its encoder publishes. It may hold a secret.
ALTER TABLE streams ADD COLUMN source_url TEXT;
