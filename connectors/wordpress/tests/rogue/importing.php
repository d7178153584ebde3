<?php
define( 'WP_IMPORTING', true );
return wp_insert_post( array( 'post_title' => 'Imported', 'post_status' => 'publish' ) );
