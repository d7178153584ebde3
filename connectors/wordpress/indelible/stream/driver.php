<?php
declare( strict_types=1 );

namespace Indelible\Stream;

use Indelible\Outbox;
use Indelible\Plugin;
use Indelible\Settings;

/**
 * Stream's storage. It makes this object twice in a request and asks either, so nothing is kept in it.
 */
final class Driver implements \WP_Stream\DB_Driver {
	private static int $counter = 0;

	/** The record's id; false when neither database nor server took it. Never throws: it runs inside the user's request. */
	public function insert_record( $data ) {
		return Plugin::never_fail( static fn () => self::insert( (array) $data ) ) ?? false;
	}

	private static function insert( array $record ): int|false {
		$record['ID'] = self::id();
		$site         = Settings::site_of( is_multisite() ? (int) ( $record['blog_id'] ?? 1 ) : 1 );
		return Outbox::keep( $site, Mapper::entry( $record ) ) ? $record['ID'] : false;
	}

	/** 63 bits in the order of time: milliseconds, process, counter. */
	private static function id(): int {
		return (int) ( microtime( true ) * 1000 ) << 20 | ( getmypid() & 0x3ff ) << 10 | self::$counter++ & 0x3ff;
	}

	public function get_records( $args ) {
		$nothing = array( 'items' => array(), 'count' => 0 );
		if ( '' === Settings::reader_token() ) {
			return $nothing;
		}
		$found = Plugin::never_fail( static fn () => ( new Query( (array) $args ) )->answer() );
		return $found ?? $nothing;
	}

	/** Values for the drop-downs of Stream's list: without them it disables every choice. */
	public function get_column_values( $column ) {
		$values = '' === Settings::reader_token() ? array() : Plugin::never_fail( static fn () => Query::values( (string) $column ) );
		return array_map( static fn ( $value ): array => array( $column => $value ), $values ?? array() );
	}

	public function get_table_names() {
		return array();
	}

	public function setup_storage( $plugin ) {
		return new Nothing_To_Install();
	}

	/** There is no way to remove anything. */
	public function purge_storage( $plugin ) {}
}

/** What Stream, its updater and Altis call on what `setup_storage` answered. */
final class Nothing_To_Install {
	public function install( $version = '' ) {
		return $version;
	}

	public function check() {}
}
