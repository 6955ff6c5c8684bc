"""Steps and appointments as reads show them."""

from services.leads.queries.sql import customer_of, moment

STEP = f"""json_build_object('lead', s.lead, 'step', s.step, 'state', s.state,
    'pipeline', s.pipeline, 'owner', l.owner, 'customer', {customer_of("l.subject")},
    'about', l.title, 'sequence', s.sequence, 'version', s.sequence_version, 'id', s.id,
    'title', s.title, 'kind', s.kind, 'guide', s.guide, 'since', {moment("s.since")},
    'due', {moment("s.due")}, 'overdue', {moment("s.overdue")}, 'postponed', s.postponed,
    'settled', {moment("s.settled")}, 'by', s.by, 'interaction', s.interaction, 'type', s.type,
    'reason', s.reason)::text"""
"""A row `s` of `steps` with its lead `l`."""

APPOINTMENT = f"""json_build_object('appointment', a.appointment, 'lead', a.lead,
    'state', a.state, 'pipeline', a.pipeline, 'owner', l.owner,
    'customer', {customer_of("l.subject")}, 'about', l.title, 'title', a.title,
    'from', {moment("a.since")}, 'to', {moment("a.until")}, 'place', a.place,
    'made', {moment("a.made")}, 'moved', a.moved, 'reason', a.reason)::text"""
"""A row `a` of `appointments` with its lead `l`."""
