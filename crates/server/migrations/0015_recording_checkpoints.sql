-- With a part: what the recorder has learned since the one before that has a checkpoint, without media. Together they say
-- how far the file was when the part was stored. The format has its version in front.
ALTER TABLE recording_parts ADD COLUMN checkpoint BLOB;
