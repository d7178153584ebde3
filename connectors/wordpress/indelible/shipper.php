<?php
declare( strict_types=1 );

namespace Indelible;

/** From the outbox to the logs: in batches, in order, again after failures, each entry once. */
final class Shipper {
	private const BATCH_ROWS    = 500;
	private const BATCH_BYTES   = 8_000_000;
	/** A request waits this long for the server, unless its answer has left already. */
	private const REQUEST_S     = 2.0;
	private const BACKOFF_MAX_S = 600;
	/** After this time an opened request is taken for killed. */
	private const INCOMPLETE_S  = 900;

	/** At the end of a request that wrote something, or in the administration when something waits. */
	public static function after_request(): void {
		if ( ! Outbox::written() ) {
			return;
		}
		self::repair();
		if ( ! Settings::sends_at_shutdown() || '' === Settings::url() ) {
			return;
		}
		if ( ! self::due( array_column( Outbox::written(), 'site' ) ) ) {
			return; // The server is away. Cron tries again.
		}
		if ( function_exists( 'fastcgi_finish_request' ) && ! wp_doing_cron() && 'cli' !== PHP_SAPI ) {
			fastcgi_finish_request();
		}
		self::ship( self::REQUEST_S );
	}

	/** What this request wrote and other code took out again meanwhile is put back, and that is told. */
	private static function repair(): void {
		$missing = self::missing( Outbox::written() );
		if ( ! $missing ) {
			return;
		}
		Outbox::put_back( $missing );
		$lost    = self::by_site( self::missing( $missing ) );
		$trace   = static fn ( array $rows ): Change => new Change(
			'indelible.bypass',
			'outbox',
			$rows[0]['site'],
			summary: 'Entries were taken out of the outbox, or kept from getting into it, within the request that made them',
			failed: true,
			data: array( 'entries' => array_column( $rows, 'id' ) )
		);
		foreach ( self::by_site( $missing ) as $site => $rows ) {
			$entry = $trace( $rows )->entry( Request::actor(), gmdate( 'Y-m-d\TH:i:s\Z' ) );
			isset( $lost[ $site ] ) ? self::send_unkept( $site, array( $entry ), array_column( $lost[ $site ], 'json' ) ) : Outbox::append( array( array( $site, $entry ) ) );
		}
	}

	/** Rows that are neither in the outbox nor delivered by another process meanwhile. */
	private static function missing( array $rows ): array {
		global $wpdb;
		$marks = implode( ',', array_fill( 0, count( $rows ), '%s' ) );
		$found = $wpdb->get_col( $wpdb->prepare( 'SELECT entry_id FROM ' . Outbox::table() . " WHERE entry_id IN ($marks)", array_column( $rows, 'id' ) ) );
		return array_filter( $rows, static fn ( array $row ): bool => ! in_array( $row['id'], $found, true ) && ! self::is_delivered( $row ) );
	}

	private static function is_delivered( array $row ): bool {
		global $wpdb;
		$sql = 'SELECT 1 FROM ' . Outbox::logs() . ' WHERE site = %s AND epoch = %s AND delivered >= %d';
		return (bool) $wpdb->get_var( $wpdb->prepare( $sql, $row['site'], $row['epoch'], $row['sequence'] ) );
	}

	/** @return array<string, array> */
	private static function by_site( array $rows ): array {
		$sites = array();
		foreach ( $rows as $row ) {
			$sites[ $row['site'] ][] = $row;
		}
		return $sites;
	}

	/** Entries that the database does not keep go to the server at once; failing that, into the error log. */
	public static function send_unkept( string $site, array $entries, array $lines = array() ): void {
		array_push( $lines, ...array_map( Value::fitting( ... ), $entries ) );
		$answer = Client::append( $site, implode( "\n", $lines ), self::REQUEST_S );
		if ( 200 !== $answer['status'] ) {
			foreach ( $lines as $line ) {
				error_log( "Indelible: not kept and not sent ({$answer['error']}): $line" );
			}
		}
	}

	/** Whether one of these logs may be tried now. */
	private static function due( array $sites ): bool {
		global $wpdb;
		$sites = array_unique( $sites );
		$marks = implode( ',', array_fill( 0, count( $sites ), '%s' ) );
		return (bool) $wpdb->get_var( $wpdb->prepare( 'SELECT 1 FROM ' . Outbox::logs() . " WHERE retry_at <= %d AND site IN ($marks) LIMIT 1", time(), ...$sites ) );
	}

	/** Sends what waits, for at most so long. One process at a time; the others leave it to that one. */
	public static function ship( float $budget_s, bool $at_once = false ): void {
		global $wpdb;
		$lock = substr( 'indelible_' . hash( 'sha256', DB_NAME . $wpdb->base_prefix ), 0, 40 );
		if ( '' === Settings::url() || '1' !== (string) $wpdb->get_var( $wpdb->prepare( 'SELECT GET_LOCK(%s, 0)', $lock ) ) ) {
			return;
		}
		$until = microtime( true ) + $budget_s;
		$sql   = 'SELECT * FROM ' . Outbox::logs() . ' WHERE next > delivered + 1' . ( $at_once ? '' : ' AND retry_at <= ' . time() );
		foreach ( (array) $wpdb->get_results( $sql ) as $log ) {
			while ( microtime( true ) < $until && self::batch( $log, max( 0.2, $until - microtime( true ) ) ) ) {
				continue;
			}
		}
		$wpdb->get_var( $wpdb->prepare( 'SELECT RELEASE_LOCK(%s)', $lock ) );
	}

	/** One batch of a log. Whether there may be more to do. */
	private static function batch( object $log, float $timeout_s ): bool {
		global $wpdb;
		$sql  = 'SELECT sequence, entry_id, entry FROM ' . Outbox::table() . ' WHERE site = %s AND state = %d ORDER BY sequence LIMIT %d';
		$rows = (array) $wpdb->get_results( $wpdb->prepare( $sql, $log->site, Outbox::READY, self::BATCH_ROWS ) );
		if ( ! $rows ) {
			return self::advance( $log );
		}
		$rows = self::first_bytes( $rows, $log->failures > 2 ? 1_000_000 : self::BATCH_BYTES );
		do {
			$answer = Client::append( $log->site, implode( "\n", array_column( $rows, 'entry' ) ), $timeout_s );
			// Too large as a whole: half of it, until one is alone.
			$halve = 413 === $answer['status'] && count( $rows ) > 1;
			$rows  = $halve ? array_slice( $rows, 0, intdiv( count( $rows ), 2 ) ) : $rows;
		} while ( $halve );
		$results = $answer['body']['results'] ?? null;
		if ( 413 === $answer['status'] ) {
			$results = array( array( 'error' => array( 'code' => 'too_large', 'message' => $answer['error'] ) ) );
		}
		if ( ! is_array( $results ) || count( $results ) !== count( $rows ) ) {
			self::back_off( $log, $answer );
			return false;
		}
		self::accounted( $log, $rows, $results );
		return self::advance( $log ) || self::BATCH_ROWS === count( $rows );
	}

	private static function first_bytes( array $rows, int $bytes ): array {
		foreach ( $rows as $place => $row ) {
			$bytes -= strlen( $row->entry );
			if ( $bytes < 0 && $place > 0 ) {
				return array_slice( $rows, 0, $place );
			}
		}
		return $rows;
	}

	/** Marks what the log has, and sets aside what it refused: one bad entry does not hold up the others. */
	private static function accounted( object $log, array $rows, array $results ): void {
		global $wpdb;
		$delivered = array();
		foreach ( $rows as $place => $row ) {
			$error = $results[ $place ]['error'] ?? null;
			if ( null === $error ) {
				$delivered[] = (int) $row->sequence;
				continue;
			}
			$why = ( $error['code'] ?? '' ) . ': ' . ( $error['field'] ?? '' ) . ' ' . ( $error['message'] ?? '' );
			Outbox::query( $wpdb->prepare( 'UPDATE ' . Outbox::table() . ' SET state = %d, problem = %s WHERE site = %s AND sequence = %d', Outbox::REFUSED, $why, $log->site, $row->sequence ) );
			error_log( "Indelible: {$log->site} refused entry {$row->entry_id}: $why" );
			self::gap( $log, (int) $row->sequence, (int) $row->sequence, "refused by the log: $why" );
		}
		if ( $delivered ) {
			$list = implode( ',', $delivered );
			Outbox::query( $wpdb->prepare( 'UPDATE ' . Outbox::table() . " SET state = %d, entry = '' WHERE site = %s AND sequence IN ($list)", Outbox::DELIVERED, $log->site ) );
		}
		Outbox::query( $wpdb->prepare( 'UPDATE ' . Outbox::logs() . ' SET failures = 0, failing_since = 0, retry_at = 0, error = NULL WHERE site = %s AND failures > 0', $log->site ) );
	}

	/**
	 * Walks over the numbers from the first that is not accounted for. A number without a row is a gap, once it is too
	 * old for its row to come: told by an entry. A row that was opened and left is an entry too. Whether there is
	 * something new to send.
	 */
	private static function advance( object $log ): bool {
		global $wpdb;
		// Afresh, and in this order: a number is given away before its row is written.
		$now      = $wpdb->get_row( $wpdb->prepare( 'SELECT next, delivered, touched FROM ' . Outbox::logs() . ' WHERE site = %s', $log->site ) );
		$rows     = (array) $wpdb->get_results( $wpdb->prepare( 'SELECT sequence, state, written FROM ' . Outbox::table() . ' WHERE site = %s AND sequence > %d ORDER BY sequence LIMIT 5000', $log->site, $now->delivered ) );
		$expected = (int) $now->delivered + 1;
		$new      = false;
		// The end of the numbers given away is the last hole's right side.
		$rows[] = (object) array( 'sequence' => count( $rows ) < 5000 ? (int) $now->next : $expected, 'state' => null, 'written' => $now->touched );
		foreach ( $rows as $row ) {
			if ( (int) $row->sequence > $expected ) {
				if ( time() - (int) $row->written < Settings::missing_after() ) {
					break;
				}
				self::gap( $log, $expected, (int) $row->sequence - 1 );
				$new      = true;
				$expected = (int) $row->sequence;
			}
			$state = null === $row->state ? null : (int) $row->state;
			if ( Outbox::OPEN === $state && time() - (int) $row->written > self::INCOMPLETE_S ) {
				Outbox::query( $wpdb->prepare( 'UPDATE ' . Outbox::table() . ' SET state = %d WHERE site = %s AND sequence = %d AND state = %d', Outbox::READY, $log->site, $row->sequence, Outbox::OPEN ) );
				$new = true;
			}
			if ( Outbox::DELIVERED !== $state && Outbox::REFUSED !== $state ) {
				break;
			}
			++$expected;
		}
		if ( $expected - 1 > (int) $now->delivered ) {
			Outbox::query( $wpdb->prepare( 'UPDATE ' . Outbox::logs() . ' SET delivered = %d WHERE site = %s', $expected - 1, $log->site ) );
			Outbox::query( $wpdb->prepare( 'DELETE FROM ' . Outbox::table() . ' WHERE site = %s AND sequence < %d AND state = %d', $log->site, $expected, Outbox::DELIVERED ) );
		}
		return $new;
	}

	/** An entry that says that entries are missing. Made again it is the same, so it is never told twice. */
	private static function gap( object $log, int $from, int $to, string $reason = '' ): void {
		global $wpdb;
		if ( '' === $reason ) {
			$lost   = (int) $wpdb->get_var( $wpdb->prepare( 'SELECT overflowed FROM ' . Outbox::logs() . ' WHERE site = %s', $log->site ) );
			$reason = $lost > 0 ? 'the outbox was full' : 'they are gone from the outbox: something else than the shipper deleted them';
			Outbox::query( $wpdb->prepare( 'UPDATE ' . Outbox::logs() . ' SET overflowed = GREATEST(0, CAST(overflowed AS SIGNED) - %d) WHERE site = %s', $to - $from + 1, $log->site ) );
		}
		error_log( sprintf( 'Indelible: %d entries of %s are missing (%d to %d): %s', $to - $from + 1, $log->site, $from, $to, $reason ) );
		$entry = array(
			'id'          => Id::of( 'gap', $log->site, $log->epoch, (string) $from, (string) $to ),
			'occurred_at' => gmdate( 'Y-m-d\TH:i:s\Z' ),
			'actor'       => array( 'type' => 'service', 'id' => 'indelible-wordpress' ),
			'action'      => 'indelible.gap',
			'kind'        => 'other',
			'outcome'     => 'failure',
			'entity'      => array( 'type' => 'outbox', 'id' => $log->epoch ),
			'summary'     => sprintf( '%d entries are missing: %s', $to - $from + 1, $reason ),
			'connector'   => 'wordpress',
			'data'        => array( 'entries' => $to - $from + 1, 'from' => $from, 'to' => $to, 'reason' => $reason ),
		);
		Outbox::write( $log->site, array( $entry ), Outbox::READY );
	}

	/** 5 s, 10 s, 20 s … 10 min, or what the server asks for. */
	private static function back_off( object $log, array $answer ): void {
		global $wpdb;
		$wait  = max( $answer['retry_after'], min( self::BACKOFF_MAX_S, 5 * 2 ** min( 10, (int) $log->failures ) ) );
		$error = '' === $answer['error'] ? "answered {$answer['status']} in a form that is not understood" : $answer['error'];
		if ( 404 === $answer['status'] ) {
			$error .= " Make it with: indelible site create {$log->site}";
		}
		$sql = 'UPDATE ' . Outbox::logs() . ' SET failures = failures + 1, retry_at = %d, error = %s, failing_since = IF(failing_since = 0, %d, failing_since) WHERE site = %s';
		Outbox::query( $wpdb->prepare( $sql, time() + $wait, $error, time(), $log->site ) );
		if ( 0 === (int) $log->failures ) {
			error_log( "Indelible: entries for {$log->site} wait in the outbox: $error" );
		}
	}
}
