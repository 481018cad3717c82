"""Alembic's entry point: it only ever renders SQL, which shared.db.migrate runs or prints."""

from alembic import context

context.configure(
    dialect_name="postgresql",
    output_buffer=context.config.output_buffer,
    transactional_ddl=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
