<?php
declare( strict_types=1 );

namespace Indelible;

/** Stream, where it is installed, stores its records here and reads them from here. */
final class Stream {
	public static function start(): void {
		// Applied when stream.php is included and again on `plugins_loaded`: the class is loaded on the way.
		add_filter( 'wp_stream_db_driver', array( self::class, 'driver' ), PHP_INT_MAX );
	}

	public static function driver( mixed $driver ): mixed {
		return '' !== Settings::url() && interface_exists( '\WP_Stream\DB_Driver' ) ? Stream\Driver::class : $driver;
	}
}
