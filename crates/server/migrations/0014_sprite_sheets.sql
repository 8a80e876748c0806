-- Sheets of small pictures of recorded broadcasts, for seek bars. A sheet's object is named by the segment of its first
-- tile, and belongs to the recording that the segment does.
CREATE TABLE sprite_sheets (
    video_id    TEXT   NOT NULL,
    sequence    BIGINT NOT NULL,
    -- Of a tile, pixels.
    tile_width  BIGINT NOT NULL,
    tile_height BIGINT NOT NULL,
    -- The segments that the tiles are of, in order, a comma between them.
    tiles       TEXT   NOT NULL,
    PRIMARY KEY (video_id, sequence)
);
