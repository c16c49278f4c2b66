-- A contact keeps the time zone of its list when it leaves the list; recycling by itself is counted by contact.

ALTER TABLE ccdata.calls_spool
  ADD COLUMN timezone VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'of this contact, e.g. America/Bogota; empty = its list''s';
ALTER TABLE ccdata.calls_spool
  ADD COLUMN automatic SMALLINT NOT NULL DEFAULT 0 COMMENT 'so many of its rounds came by themselves (dialers.recyclecount)';

ALTER TABLE ccdata.calls_scheduler
  ADD COLUMN timezone VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'of this contact; empty = that of its last call''s list, else its number tells';

ALTER TABLE ccrepo.finished_contacts
  ADD COLUMN timezone VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'calls_spool.timezone that it had';
ALTER TABLE ccrepo.finished_contacts
  ADD COLUMN automatic INT NOT NULL DEFAULT 0 COMMENT 'calls_spool.automatic that it had';

ALTER TABLE ccdata.attempts
  ADD COLUMN entry VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'the phone as the contact has it, with its type: M=0=0991';

ALTER TABLE ccdata.upload_lines
  COMMENT='read only: every line that was refused, or loaded without some of its alternatives, and why';
