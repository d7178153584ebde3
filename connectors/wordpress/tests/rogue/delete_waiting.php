<?php
// Deletes what other requests left in the outbox, and leaves its numbering.
return $GLOBALS['wpdb']->query( "DELETE FROM {$GLOBALS['wpdb']->base_prefix}indelible_outbox WHERE sequence > 0" );
