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
	/** While the server is away cron tries; requests try only when cron has not done so for this long. */
	private const CRON_MISSED_S = 120;

	/** At the end of a request that wrote something. */
	public static function after_request(): void {
		if ( ! Outbox::written() ) {
			return;
		}
		$is_reachable = Repair::after_request( time() - self::CRON_MISSED_S );
		if ( ! $is_reachable || ! Settings::sends_at_shutdown() || '' === Settings::url() ) {
			return;
		}
		if ( function_exists( 'fastcgi_finish_request' ) && ! wp_doing_cron() && 'cli' !== PHP_SAPI ) {
			fastcgi_finish_request();
		}
		self::ship( self::REQUEST_S );
	}

	/** Sends what waits, for at most so long. One process at a time; the others leave it to that one. */
	public static function ship( float $budget_s, bool $at_once = false ): void {
		global $wpdb;
		$lock = substr( 'indelible_' . hash( 'sha256', DB_NAME . $wpdb->base_prefix ), 0, 40 );
		if ( '' === Settings::url() || '1' !== (string) $wpdb->get_var( $wpdb->prepare( 'SELECT GET_LOCK(%s, 0)', $lock ) ) ) {
			return;
		}
		$until = microtime( true ) + $budget_s;
		$due   = $at_once ? '' : ' AND COALESCE(l.retry_at, 0) <= ' . time();
		$sql   = 'SELECT n.site, n.entry_id AS epoch, COALESCE(l.failures, 0) AS failures, COALESCE(l.log_index, -1) AS log_index FROM ' . Outbox::table() . ' n
			LEFT JOIN ' . Outbox::logs() . " l ON l.site = n.site WHERE n.sequence = 0 AND n.next > n.delivered + 1$due";
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
			return Account::advance( $log );
		}
		$rows = self::first_bytes( $rows, $log->failures > 2 ? 1_000_000 : self::BATCH_BYTES );
		do {
			$wire   = array_map( static fn ( object $row ): string => Outbox::wire( $row->entry_id, $row->entry, $log->epoch, (int) $row->sequence ), $rows );
			$answer = Client::append( $log->site, implode( "\n", $wire ), $timeout_s );
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
		Account::settle( $log, $rows, $results );
		return Account::advance( $log ) || self::BATCH_ROWS === count( $rows );
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
