<?php
// What WP-Cron does each minute.
define( 'DOING_CRON', true );
$_SERVER += array( 'HTTP_HOST' => getenv( 'LAB_HOST' ), 'REQUEST_URI' => '/wp-cron.php', 'SERVER_PROTOCOL' => 'HTTP/1.1', 'REQUEST_METHOD' => 'GET' );
require getenv( 'LAB_ROOT' ) . '/wp-load.php';
do_action( 'indelible_ship' );
