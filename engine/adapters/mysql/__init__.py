"""MariaDB ≥ 10.6 and MySQL 8 behind the Store port."""

from engine.adapters.mysql.database import Database, DatabaseSettings
from engine.adapters.mysql.store import MysqlStore

__all__ = ["Database", "DatabaseSettings", "MysqlStore"]
