<?php
declare( strict_types=1 );

namespace Indelible;

/**
 * Entries wait here, in WordPress' own database, until their log has them.
 *
 * Each log has a row that numbers its entries (number 0). One statement takes the numbers and writes the entries: it is
 * durable as a whole, and costs a request one write. What is deleted afterwards leaves a hole that the shipper finds
 * and tells of. The numbers have an epoch: who deletes the numbering row or puts back an older database begins another
 * one, which is told too.
 */
final class Outbox {
	public const READY     = 1;
	public const DELIVERED = 2;
	public const REFUSED   = 3;
	/** The row that numbers the others. */
	public const NUMBERING = 9;

	/** Bytes of one INSERT; servers take 4 MiB at least, and 16 where nobody changed it. */
	private const STATEMENT_MAX = 2_000_000;
	/** How a stored entry begins: the log's id and the number are put in here when it is sent. */
	private const HEAD = '{"id":"%s","data":{"outbox":null';

	/** @var array<int, array{site: string, sequence: int, id: string, json: string}> What this request wrote. */
	private static array $written = array();

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

	/** @param array<int, array{string, array}> $entries Each with its log, in the order in which they happened. */
	public static function append( array $entries ): void {
		$by_site = array();
		foreach ( $entries as [ $site, $entry ] ) {
			$by_site[ $site ][] = $entry;
		}
		foreach ( $by_site as $site => $group ) {
			if ( ! self::keep( (string) $site, ...$group ) ) {
				Opened::leave();
				Repair::send_unkept( (string) $site, array_map( self::encoded( ... ), $group ) );
			}
		}
	}

	/** Whether the entries are durable when this returns, or counted as lost since the outbox is full. */
	public static function keep( string $site, array ...$entries ): bool {
		$kept = self::write( $site, self::rows( $site, $entries ) );
		array_push( self::$written, ...( $kept ?? array() ) );
		return null !== $kept;
	}

	/** Also when the outbox is full: what tells that entries are missing must not go missing itself. */
	public static function keep_anyway( string $site, array $entry ): void {
		array_push( self::$written, ...( self::write( $site, self::rows( $site, array( $entry ) ), PHP_INT_MAX >> 1 ) ?? array() ) );
	}

	private static function rows( string $site, array $entries ): array {
		return array_map( static fn ( array $entry ): array => array( 'site' => $site, 'id' => $entry['id'], 'json' => self::encoded( $entry ) ), $entries );
	}

	/** Writes rows again that are not there any more, under new numbers. */
	public static function put_back( array $rows ): void {
		foreach ( Repair::by_site( $rows ) as $site => $group ) {
			self::write( (string) $site, $group );
		}
	}

	/** @return array<int, array>|null The rows with their numbers; null when the database took none of them. */
	private static function write( string $site, array $rows, ?int $max = null ): ?array {
		$kept = array();
		foreach ( self::portions( $rows ) as $portion ) {
			$first = self::insert( $site, $portion, $max ?? Settings::outbox_max() );
			if ( null === $first ) {
				return $kept ? $kept : null;
			}
			foreach ( 0 === $first ? array() : $portion as $place => $row ) {
				$kept[] = array( 'sequence' => $first + $place ) + $row;
			}
		}
		return $kept;
	}

	/** @return array<int, array> What goes into one statement each. */
	private static function portions( array $rows ): array {
		$portions = array( array() );
		$bytes    = 0;
		foreach ( $rows as $row ) {
			$bytes += strlen( $row['json'] ) + 500;
			if ( $bytes > self::STATEMENT_MAX && end( $portions ) ) {
				$portions[] = array();
				$bytes      = strlen( $row['json'] );
			}
			$portions[ array_key_last( $portions ) ][] = $row;
		}
		return $portions;
	}

	/** @return int|null The first of the numbers; 0 when the outbox is full; null when the database refused. */
	private static function insert( string $site, array $rows, int $max ): ?int {
		global $wpdb;
		$table = self::table();
		// The row with the number 0 is there, so its insertion becomes the update that takes the numbers.
		$new = array( $wpdb->prepare( "SELECT 0 AS place, %d AS taken, '' AS id, %d AS state, '' AS entry", count( $rows ), self::NUMBERING ) );
		foreach ( $rows as $place => $row ) {
			$new[] = $wpdb->prepare( 'SELECT %d, 0, %s, %d, %s', $place + 1, $row['id'], self::READY, $row['json'] );
		}
		$room = $wpdb->prepare( 'n.site = %s AND n.sequence = 0 AND n.next + %d - n.delivered <= %d + 1', $site, count( $rows ), $max );
		$sql  = "INSERT INTO $table (site, sequence, next, entry_id, written, state, entry)
			SELECT n.site, IF(r.place = 0, 0, n.next + r.place - 1), r.taken, r.id, " . time() . ", r.state, r.entry
			FROM $table n JOIN (" . implode( ' UNION ALL ', $new ) . ") r WHERE $room FOR UPDATE
			ON DUPLICATE KEY UPDATE next = LAST_INSERT_ID($table.next) + VALUES(next)";
		for ( $attempt = 0; $attempt < 3; ++$attempt ) {
			$wpdb->insert_id = 0;
			$done            = self::query( $sql );
			if ( $done ) {
				// Whoever swallows the statement leaves no number, which no number delivered can reach.
				return $wpdb->insert_id > 0 ? (int) $wpdb->insert_id : PHP_INT_MAX - count( $rows );
			}
			if ( self::is_full( $site, count( $rows ), $max ) ) {
				return 0;
			}
			// The tables are missing, or the log is new.
			if ( false === $done && 0 === $attempt ) {
				self::install();
			}
			self::begin( $site );
		}
		return null;
	}

	/** Takes the numbers all the same: they become a gap that is told. */
	private static function is_full( string $site, int $count, int $max ): bool {
		global $wpdb;
		$sql  = 'UPDATE ' . self::table() . ' SET next = next + %d, overflowed = overflowed + %d WHERE site = %s AND sequence = 0 AND next + %d - delivered > %d + 1';
		$full = 1 === self::query( $wpdb->prepare( $sql, $count, $count, $site, $count, $max ) );
		if ( $full ) {
			error_log( sprintf( 'Indelible: the outbox of %s is full (%d entries wait): %d entries are lost, and a gap entry will tell of it.', $site, $max, $count ) );
		}
		return $full;
	}

	/** Whether another entry can be kept, for the mode in which a change is refused else. */
	public static function has_room( string $site ): bool {
		global $wpdb;
		$sql = $wpdb->prepare( 'SELECT next - delivered FROM ' . self::table() . ' WHERE site = %s AND sequence = 0', $site );
		for ( $attempt = 0; $attempt < 2; ++$attempt ) {
			$suppressed = $wpdb->suppress_errors( true );
			$waiting    = $wpdb->get_var( $sql );
			$wpdb->suppress_errors( $suppressed );
			if ( null !== $waiting ) {
				return (int) $waiting < Settings::outbox_max();
			}
			self::install();
			self::begin( $site );
		}
		return false;
	}

	/**
	 * A log's first entry says that its numbers begin. A second one of the same log means that its rows were deleted, and
	 * says how many at least had waited.
	 */
	private static function begin( string $site ): void {
		global $wpdb;
		$suppressed = $wpdb->suppress_errors( true );
		$was        = $wpdb->get_row( $wpdb->prepare( 'SELECT epoch, next, delivered FROM ' . self::logs() . ' WHERE site = %s', $site ) );
		$wpdb->suppress_errors( $suppressed );
		$epoch   = Id::now();
		$lost    = null === $was ? 0 : max( 0, (int) $was->next - (int) $was->delivered - 1 );
		$data    = null === $was ? array() : array( 'previous_epoch' => $was->epoch, 'waited_at_least' => $lost );
		$summary = null === $was ? 'The outbox began to number its entries' : 'The outbox was emptied by something else than the shipper, and numbers its entries anew';
		$change  = new Change( 'indelible.started', 'outbox', $epoch, summary: $summary, failed: null !== $was, data: $data );
		$entry   = $change->entry( array( 'type' => 'service', 'id' => 'indelible-wordpress' ), gmdate( 'Y-m-d\TH:i:s\Z' ) );
		$sql     = 'INSERT IGNORE INTO ' . self::table() . " (site, sequence, next, entry_id, written, state, entry) VALUES (%s, 0, 1, %s, %d, %d, '')";
		if ( 1 === self::query( $wpdb->prepare( $sql, $site, $epoch, time(), self::NUMBERING ) ) ) {
			self::keep_anyway( $site, $entry );
		}
		self::query( $wpdb->prepare( 'INSERT INTO ' . self::logs() . ' (site, epoch, next, delivered) VALUES (%s, %s, 1, 0) ON DUPLICATE KEY UPDATE failures = failures', $site, $epoch ) );
	}

	/** @return object[] For each log: what waits, what was delivered, what went wrong. */
	public static function status(): array {
		global $wpdb;
		$suppressed = $wpdb->suppress_errors( true );
		$status     = $wpdb->get_results(
			'SELECT n.site, n.entry_id AS epoch, n.next - n.delivered - 1 AS waiting, n.delivered, n.overflowed, COALESCE(l.failures, 0) AS failures, l.failing_since, l.error, l.log_index, l.leaf_hash, l.last_id
			FROM ' . self::table() . ' n LEFT JOIN ' . self::logs() . ' l ON l.site = n.site WHERE n.sequence = 0 ORDER BY n.site'
		);
		$wpdb->suppress_errors( $suppressed );
		return (array) $status;
	}

	/** Its JSON as it is stored. */
	public static function encoded( array $entry ): string {
		$id   = $entry['id'];
		$data = array( 'outbox' => null ) + (array) ( $entry['data'] ?? array() );
		unset( $entry['id'], $entry['data'] );
		return Value::fitting( array( 'id' => $id, 'data' => $data ) + $entry );
	}

	/**
	 * The entry as it is sent. Its id follows from its number, so that it is the same whenever it is sent again, and so that
	 * a number that is given twice is seen: the log refuses other content under an id that it has. An id that follows
	 * from a name (of version 5) stays.
	 */
	public static function wire( string $entry_id, string $json, string $epoch, int $sequence ): string {
		$id   = '5' === ( $entry_id[14] ?? '' ) ? $entry_id : Id::of( 'entry', $epoch, (string) $sequence );
		$head = sprintf( '{"id":"%s","data":{"outbox":{"epoch":"%s","sequence":%d}', $id, $epoch, $sequence );
		return $head . substr( $json, strlen( sprintf( self::HEAD, $entry_id ) ) );
	}

	/** Quietly: a missing table is no reason to show anybody an error. False when the database refused, or never got it. */
	public static function query( string $sql ): int|bool {
		global $wpdb;
		$suppressed = $wpdb->suppress_errors( true );
		// WordPress does this by a hook, which others can take away.
		$result = $wpdb->query( $wpdb->remove_placeholder_escape( $sql ) );
		$wpdb->suppress_errors( $suppressed );
		return $result;
	}

	public static function install(): void {
		global $wpdb;
		$collate = $wpdb->get_charset_collate();
		self::query(
			'CREATE TABLE IF NOT EXISTS ' . self::table() . " (
			site varchar(127) NOT NULL, sequence bigint unsigned NOT NULL, next bigint unsigned NOT NULL, delivered bigint unsigned NOT NULL DEFAULT 0,
			overflowed bigint unsigned NOT NULL DEFAULT 0, entry_id char(36) NOT NULL, written bigint NOT NULL, state tinyint NOT NULL, entry longblob NOT NULL,
			problem text, PRIMARY KEY (site, sequence), KEY entry_id (entry_id)) ENGINE=InnoDB $collate"
		);
		// What the shipper remembers; requests only read it.
		self::query(
			'CREATE TABLE IF NOT EXISTS ' . self::logs() . " (
			site varchar(127) NOT NULL PRIMARY KEY, epoch char(36) NOT NULL, next bigint unsigned NOT NULL, delivered bigint unsigned NOT NULL,
			log_index bigint NOT NULL DEFAULT -1, leaf_hash varchar(64) NOT NULL DEFAULT '', last_id varchar(36) NOT NULL DEFAULT '', failures int unsigned NOT NULL DEFAULT 0,
			failing_since bigint NOT NULL DEFAULT 0, retry_at bigint NOT NULL DEFAULT 0, error text) ENGINE=InnoDB $collate"
		);
	}
}
