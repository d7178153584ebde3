<?php
// Changes an option, then deletes from the outbox what other requests left there.
update_option( 'blogdescription', 'rogue ' . wp_rand() );
return $GLOBALS['wpdb']->query( "DELETE FROM {$GLOBALS['wpdb']->base_prefix}indelible_outbox" );
