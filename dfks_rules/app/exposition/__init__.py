"""What Prometheus is told: the numbers of all rooms, under names that stay.

Belongs here: the table of metrics, who reads them from which room, and how they are written.
Never here: counting (each room does that itself), dashboards and alerts (`deploy`).
May import: the rooms that count, prometheus_client.
"""
