<?php
// Keeps everything from being written into the outbox.
add_filter( 'query', fn( $sql ) => preg_match( '/^(INSERT|UPDATE).*indelible_outbox/s', $sql ) ? 'SELECT 1' : $sql );
update_option( 'blogdescription', 'swallowed' );
return 1;
