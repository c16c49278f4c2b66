-- Who may use the HTTP API, as what, and for which campaigns. Our own times are UTC.

CREATE TABLE IF NOT EXISTS ccdata.users (
  user VARCHAR(80) NOT NULL COMMENT 'login name; no colon: tokens hold it',
  fullname VARCHAR(128) NOT NULL DEFAULT '',
  email VARCHAR(128) NOT NULL DEFAULT '',
  role VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'agent, supervisor, administrator, integration',
  state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'active' COMMENT 'active, inactive, blocked (wrong passwords)',
  password VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'argon2id; empty = nobody logs in with a password',
  password_at DATETIME(3) NOT NULL COMMENT 'last change',
  must_change TINYINT NOT NULL DEFAULT 0 COMMENT '1 = somebody else set the password',
  password_stays TINYINT NOT NULL DEFAULT 0 COMMENT '1 = it neither expires nor must be changed: for programs',
  failures INT NOT NULL DEFAULT 0 COMMENT 'wrong passwords in a row',
  blocked_at DATETIME(3) NULL DEFAULT NULL,
  login_at DATETIME(3) NULL DEFAULT NULL COMMENT 'last login',
  login_hours VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'as dialers.schedule, e.g. mon-fri;08:00-18:00; empty = always',
  valid_from DATETIME NULL DEFAULT NULL COMMENT 'temporary account: local time',
  valid_until DATETIME NULL DEFAULT NULL COMMENT 'temporary account: local time',
  created_at DATETIME(3) NOT NULL,
  enabled_at DATETIME(3) NOT NULL COMMENT 'when somebody let the user in: idle days count from here or from the last login',
  PRIMARY KEY (user)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE IF NOT EXISTS ccdata.user_campaigns (
  user VARCHAR(80) NOT NULL,
  campaign VARCHAR(128) NOT NULL COMMENT '* = every campaign; without a row: none',
  PRIMARY KEY (user, campaign)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='which campaigns a user may see and steer';

CREATE TABLE IF NOT EXISTS ccdata.user_passwords (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  user VARCHAR(80) NOT NULL,
  password VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'argon2id',
  set_at DATETIME(3) NOT NULL,
  PRIMARY KEY (id),
  KEY user_passwords_user (user, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='passwords that a user has had: the last ones are refused';

CREATE TABLE IF NOT EXISTS ccdata.tokens (
  digest CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the token, which is kept nowhere',
  user VARCHAR(80) NOT NULL,
  host VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'address that it was given to',
  made_at DATETIME(3) NOT NULL,
  expires_at DATETIME(3) NOT NULL,
  PRIMARY KEY (digest),
  KEY tokens_user (user),
  KEY tokens_expiry (expires_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='live sessions; deleting a row ends one';

CREATE TABLE IF NOT EXISTS ccdata.phones (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  name VARCHAR(40) NOT NULL COMMENT 'extension',
  accountcode VARCHAR(80) NOT NULL DEFAULT '' COMMENT 'users.user whose phone it is',
  fullname VARCHAR(128) NOT NULL DEFAULT '',
  md5secret CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '' COMMENT 'MD5 of <extension>:<realm>:<password>, for SIP',
  options VARCHAR(2000) NOT NULL DEFAULT '{}' COMMENT 'JSON: further documented keys that differ from their defaults',
  PRIMARY KEY (id),
  UNIQUE KEY phones_name (name),
  KEY phones_user (accountcode)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
  COMMENT='phones of agents and of supervisors with a phone';
