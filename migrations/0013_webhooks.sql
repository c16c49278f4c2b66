-- Events for other systems: who wants which, what waits to be sent, what could not be; requests of the API that
-- were answered. Times are UTC.

CREATE TABLE IF NOT EXISTS ccdata.webhooks (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  campaign VARCHAR(128) NOT NULL DEFAULT '*' COMMENT '* = every campaign',
  url VARCHAR(2000) NOT NULL COMMENT 'of the endpoint that gets the events',
  events VARCHAR(255) NOT NULL DEFAULT '*' COMMENT 'call.ended,call.disposition,list.finished,budget.warning; * = all',
  secret VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'whsec_<base64>: signs every delivery',
  old_secret VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'signs as well until old_secret_until',
  old_secret_until DATETIME(3) NULL DEFAULT NULL,
  masked TINYINT NOT NULL DEFAULT 0 COMMENT '1 = of phone numbers only the last three digits are sent',
  enabled TINYINT NOT NULL DEFAULT 1,
  reason VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'why the engine switched it off',
  created_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)),
  PRIMARY KEY (id),
  KEY webhooks_enabled (enabled, campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='written by people: which endpoint hears of what';

CREATE TABLE IF NOT EXISTS ccdata.webhook_events (
  id CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'webhook-id: the same in every delivery',
  kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign VARCHAR(128) NOT NULL,
  body TEXT NOT NULL COMMENT 'what is sent, as JSON',
  created_at DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  KEY webhook_events_age (created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: written in the transaction of what they tell of';

CREATE TABLE IF NOT EXISTS ccdata.webhook_deliveries (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  webhook BIGINT UNSIGNED NOT NULL COMMENT 'webhooks.id',
  event CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'webhook_events.id',
  attempts INT NOT NULL DEFAULT 0,
  next_try DATETIME(3) NULL COMMENT 'NULL = delivered',
  last_status INT NULL COMMENT 'HTTP status of the last answer; NULL = none came',
  last_error VARCHAR(255) NOT NULL DEFAULT '',
  created_at DATETIME(3) NOT NULL,
  delivered_at DATETIME(3) NULL,
  PRIMARY KEY (id),
  UNIQUE KEY webhook_deliveries_once (event, webhook),
  KEY webhook_deliveries_due (webhook, next_try),
  KEY webhook_deliveries_age (delivered_at, created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: what waits to be sent to whom, and what was sent of late';

CREATE TABLE IF NOT EXISTS ccdata.webhook_dead_letters (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  webhook BIGINT UNSIGNED NOT NULL,
  event CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  campaign VARCHAR(128) NOT NULL,
  body TEXT NOT NULL,
  attempts INT NOT NULL,
  last_status INT NULL,
  last_error VARCHAR(255) NOT NULL DEFAULT '',
  happened_at DATETIME(3) NOT NULL,
  died_at DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY webhook_dead_letters_once (webhook, event),
  KEY webhook_dead_letters_age (webhook, died_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='events that could not be delivered; sent anew by overdial webhooks replay';

CREATE TABLE IF NOT EXISTS ccdata.webhook_marks (
  kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'list, budget',
  campaign VARCHAR(128) NOT NULL,
  name VARCHAR(128) NOT NULL COMMENT 'list: its name; budget: near, over',
  mark BIGINT UNSIGNED NOT NULL COMMENT 'list: the last finished contact that was told of; budget: the day',
  PRIMARY KEY (kind, campaign, name)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: what was told of already';

CREATE TABLE IF NOT EXISTS ccdata.idempotency_keys (
  caller VARCHAR(80) NOT NULL COMMENT 'user of the API',
  word VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'header Idempotency-Key',
  request CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of method, path and body',
  status INT NOT NULL DEFAULT 0 COMMENT 'of the answer; 0 = it is being worked on',
  location VARCHAR(1000) NOT NULL DEFAULT '',
  answer MEDIUMTEXT NULL,
  created_at DATETIME(3) NOT NULL,
  PRIMARY KEY (caller, word),
  KEY idempotency_keys_age (created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='read only: a request that is sent twice has one effect';

-- Contacts of a campaign, page by page.
ALTER TABLE ccdata.calls_spool ADD KEY calls_spool_page (campaign, id);
