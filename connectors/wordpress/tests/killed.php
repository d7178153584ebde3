<?php
// A request that is killed in the middle of a change.
$_SERVER += array( 'HTTP_HOST' => getenv( 'LAB_HOST' ), 'REQUEST_URI' => '/', 'SERVER_PROTOCOL' => 'HTTP/1.1', 'REQUEST_METHOD' => 'GET' );
require getenv( 'LAB_ROOT' ) . '/wp-load.php';
update_option( 'blogdescription', 'never told' );
posix_kill( getmypid(), SIGKILL );
