<?php
declare( strict_types=1 );

namespace Indelible;

/**
 * Entries wait here, in WordPress' own database, until their log has them.
 *
 * Each log has a row that numbers its entries. A number is given away before its entry is written, so an entry that
 * was deleted, or that could not be written, leaves a hole that the shipper finds and tells of. The row is named by
 * an epoch: who drops the tables or puts back an older database begins another one, which is told too.
 */
final class Outbox {
	public const OPEN      = 0;
	public const READY     = 1;
	public const DELIVERED = 2;
	public const REFUSED   = 3;

	/** Bytes of one INSERT; servers take 4 MiB at least, and 16 where nobody changed it. */
	private const STATEMENT_MAX = 2_000_000;

	/** @var array<int, array{site: string, sequence: int, id: string, json: string}> What this request wrote. */
	private static array $written = array();
	/** The row that says that this request has begun to change something. */
	private static ?array $opened = null;

	public static function table(): string {
		global $wpdb;
		return $wpdb->base_prefix . 'indelible_outbox';
	}

	public static function logs(): string {
		global $wpdb;
		return $wpdb->base_prefix . 'indelible_log';
	}

	/** @return array<int, array{site: string, sequence: int, id: string, json: string}> */
	public static function written(): array {
		return self::$written;
	}

	/**
	 * Says that this request is about to change something. When it ends, its first entry takes this row over. When it is
	 * killed, the row stays, and becomes an entry of its own.
	 */
	public static function open( Watcher $watcher, string $id ): void {
		if ( null !== self::$opened ) {
			return;
		}
		$site   = Settings::site_of( Request::blog() );
		$kind   = strtolower( substr( strrchr( $watcher::class, '\\' ), 1 ) );
		$change = new Change(
			'indelible.incomplete',
			'request',
			Request::correlation(),
			summary: 'A request began to change something and never ended: what it did is not known',
			failed: true,
			data: array( 'first_touched' => array( 'content' => $kind, 'id' => $id ) )
		);
		$entry  = $change->entry( Request::actor(), gmdate( 'Y-m-d\TH:i:s\Z' ) );
		$rows   = self::write( $site, array( $entry ), self::OPEN );
		if ( $rows ) {
			self::$opened = $rows[0];
		}
	}

	/** @param array<int, array{string, array}> $entries Each with its log, in the order in which they happened. */
	public static function append( array $entries ): void {
		$by_site = array();
		foreach ( $entries as [ $site, $entry ] ) {
			$by_site[ $site ][] = $entry;
		}
		$opened       = self::$opened;
		self::$opened = null;
		if ( null !== $opened ) {
			$here  = $by_site[ $opened['site'] ] ?? array();
			$first = array_shift( $here );
			self::close( $opened, $first );
			$by_site[ $opened['site'] ] = $here;
		}
		foreach ( array_filter( $by_site ) as $site => $group ) {
			$rows = self::write( (string) $site, $group, self::READY );
			if ( null === $rows ) {
				Shipper::send_unkept( (string) $site, $group );
				continue;
			}
			array_push( self::$written, ...$rows );
		}
	}

	/** One entry, at once: whether it is durable when this returns. */
	public static function keep( string $site, array $entry ): bool {
		$rows = self::write( $site, array( $entry ), self::READY );
		array_push( self::$written, ...( $rows ?? array() ) );
		return (bool) $rows;
	}

	/** The opened row becomes the request's first entry, or is done with when nothing changed after all. */
	private static function close( array $opened, ?array $entry ): void {
		global $wpdb;
		if ( null === $entry ) {
			self::query( $wpdb->prepare( 'UPDATE ' . self::table() . " SET state = %d, entry = '' WHERE site = %s AND sequence = %d", self::DELIVERED, $opened['site'], $opened['sequence'] ) );
			return;
		}
		$row = array( 'json' => self::encode( $entry, $opened['epoch'], $opened['sequence'] ), 'id' => $entry['id'] ) + $opened;
		$sql = 'UPDATE ' . self::table() . ' SET state = %d, entry_id = %s, entry = %s WHERE site = %s AND sequence = %d';
		// Whether the row is still there is seen before anything is sent.
		self::query( $wpdb->prepare( $sql, self::READY, $row['id'], $row['json'], $row['site'], $row['sequence'] ) );
		self::$written[] = $row;
	}

	/** @return array<int, array>|null The rows as written; null when the database took none of them. */
	public static function write( string $site, array $entries, int $state ): ?array {
		$numbers = self::numbers( $site, count( $entries ) );
		if ( null === $numbers ) {
			return null;
		}
		[ $epoch, $first, $is_full ] = $numbers;
		$rows                        = array();
		foreach ( array_values( $entries ) as $place => $entry ) {
			$sequence = $first + $place;
			$rows[]   = array( 'site' => $site, 'epoch' => $epoch, 'sequence' => $sequence, 'id' => $entry['id'], 'json' => self::encode( $entry, $epoch, $sequence ) );
		}
		if ( $is_full ) {
			self::overflow( $site, count( $rows ) );
			return array();
		}
		// What could not be written is in $written all the same, and the shipper sees that its row is missing.
		self::insert( $rows, $state );
		return $rows;
	}

	/** Writes rows again that are not there any more. */
	public static function put_back( array $rows ): void {
		self::insert( array_values( $rows ), self::READY );
	}

	private static function encode( array $entry, string $epoch, int $sequence ): string {
		$entry['data']['outbox'] = array( 'epoch' => $epoch, 'sequence' => $sequence );
		return Value::fitting( $entry );
	}

	private static function insert( array $rows, int $state ): void {
		global $wpdb;
		$values = array();
		$bytes  = 0;
		foreach ( $rows as $place => $row ) {
			$values[] = $wpdb->prepare( '(%s, %d, %s, %d, %d, %s)', $row['site'], $row['sequence'], $row['id'], time(), $state, $row['json'] );
			$bytes   += strlen( end( $values ) );
			if ( $bytes > self::STATEMENT_MAX || array_key_last( $rows ) === $place ) {
				self::query( 'INSERT IGNORE INTO ' . self::table() . ' (site, sequence, entry_id, written, state, entry) VALUES ' . implode( ',', $values ) );
				$values = array();
				$bytes  = 0;
			}
		}
	}

	/** @return array{string, int, bool}|null Epoch, the first of the numbers, and whether the outbox is full. */
	private static function numbers( string $site, int $count ): ?array {
		global $wpdb;
		$take  = $wpdb->prepare( 'UPDATE ' . self::logs() . ' SET next = LAST_INSERT_ID(next) + %d, touched = %d WHERE site = %s', $count, time(), $site );
		$taken = self::query( $take );
		if ( ! $taken ) {
			// The tables are missing or the log is new.
			if ( false === $taken ) {
				self::install();
			}
			$taken = self::begin( $site ) ? self::query( $take ) : false;
		}
		if ( ! $taken ) {
			return null;
		}
		$row = $wpdb->get_row( $wpdb->prepare( 'SELECT epoch, delivered, LAST_INSERT_ID() AS first FROM ' . self::logs() . ' WHERE site = %s', $site ) );
		return null === $row ? null : array( $row->epoch, (int) $row->first, (int) $row->first + $count - (int) $row->delivered > Settings::outbox_max() );
	}

	/** A log's first entry says that its numbers begin. A second one of the same log means that the tables were gone. */
	private static function begin( string $site ): bool {
		global $wpdb;
		$epoch = Id::now();
		$made  = self::query( $wpdb->prepare( 'INSERT IGNORE INTO ' . self::logs() . ' (site, epoch, next, delivered, touched) VALUES (%s, %s, 2, 0, %d)', $site, $epoch, time() ) );
		if ( 1 === $made ) {
			$change = new Change( 'indelible.started', 'outbox', $epoch, summary: 'The outbox began to number its entries anew', kind: 'other' );
			$entry  = $change->entry( array( 'type' => 'service', 'id' => 'indelible-wordpress' ), gmdate( 'Y-m-d\TH:i:s\Z' ) );
			$row    = array( 'site' => $site, 'epoch' => $epoch, 'sequence' => 1, 'id' => $entry['id'], 'json' => self::encode( $entry, $epoch, 1 ) );
			self::insert( array( $row ), self::READY );
			self::$written[] = $row;
		}
		return false !== $made;
	}

	private static function overflow( string $site, int $count ): void {
		global $wpdb;
		self::query( $wpdb->prepare( 'UPDATE ' . self::logs() . ' SET overflowed = overflowed + %d WHERE site = %s', $count, $site ) );
		error_log( sprintf( 'Indelible: the outbox of %s is full (%d entries wait): %d entries are lost, and a gap entry will tell of it.', $site, Settings::outbox_max(), $count ) );
	}

	/** Quietly: a missing table is no reason to show anybody an error. False when the database refused, or never got it. */
	public static function query( string $sql ): int|bool {
		global $wpdb;
		$suppressed = $wpdb->suppress_errors( true );
		$result     = $wpdb->query( $sql );
		$wpdb->suppress_errors( $suppressed );
		return $result;
	}

	public static function install(): void {
		global $wpdb;
		$collate = $wpdb->get_charset_collate();
		self::query(
			'CREATE TABLE IF NOT EXISTS ' . self::table() . " (
			site varchar(127) NOT NULL, sequence bigint unsigned NOT NULL, entry_id char(36) NOT NULL, written bigint NOT NULL,
			state tinyint NOT NULL, entry longblob NOT NULL, problem text, PRIMARY KEY (site, sequence), KEY entry_id (entry_id)) ENGINE=InnoDB $collate"
		);
		self::query(
			'CREATE TABLE IF NOT EXISTS ' . self::logs() . " (
			site varchar(127) NOT NULL PRIMARY KEY, epoch char(36) NOT NULL, next bigint unsigned NOT NULL, delivered bigint unsigned NOT NULL,
			touched bigint NOT NULL, overflowed bigint unsigned NOT NULL DEFAULT 0, failures int unsigned NOT NULL DEFAULT 0,
			failing_since bigint NOT NULL DEFAULT 0, retry_at bigint NOT NULL DEFAULT 0, error text) ENGINE=InnoDB $collate"
		);
	}
}
