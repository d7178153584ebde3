<?php
// WP-CLI as far as the plugin sees it: its constant, and what commands call. It is in no package of Debian.
define( 'WP_CLI', true );
final class WP_CLI {
	public static array $commands = array();

	public static function add_command( string $name, string $class ): void {
		self::$commands[ $name ] = $class;
	}

	public static function line( string $line ): void {
		echo "$line\n";
	}

	public static function error( string $why ): void {
		echo "Error: $why\n";
		exit( 1 );
	}

	public static function halt( int $code ): void {
		exit( $code );
	}
}
$_SERVER += array( 'HTTP_HOST' => getenv( 'LAB_HOST' ), 'REQUEST_URI' => '/', 'SERVER_PROTOCOL' => 'HTTP/1.1', 'REQUEST_METHOD' => 'GET' );
getenv( 'LAB_FAIL_CLOSED' ) && $_SERVER['HTTP_X_LAB_FAIL_CLOSED'] = '1';
require getenv( 'LAB_ROOT' ) . '/wp-load.php';
if ( 'option' === $argv[1] ) {
	update_option( $argv[2], $argv[3] );
} else {
	( new WP_CLI::$commands['indelible']() )->{$argv[1]}();
}
