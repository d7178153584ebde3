<?php
declare( strict_types=1 );

namespace Indelible\Revert;

use Indelible\Outbox;
use Indelible\Request;
use Indelible\Settings;
use Indelible\Value;

/** Carrying an order out: all of it, once, or nothing. */
final class CarryOut {
	/** Seconds for which answers are known; the log sends the same order again within minutes. */
	private const KNOWN_S = 90 * 86400;

	public static function table(): string {
		global $wpdb;
		return $wpdb->base_prefix . 'indelible_order';
	}

	/** @return array{before: ?object, after: object} */
	public static function do( Order $order ): array {
		global $wpdb;
		if ( ! in_array( $order->site, self::sites(), true ) ) {
			throw new Impossible( "the order is for the log `{$order->site}`, and this is " . implode( ' and ', self::sites() ) );
		}
		// Of two orders for the same thing at once, the second waits here; the lock ends with the connection.
		$lock = substr( 'indelible_' . hash( 'sha256', DB_NAME . "\0{$order->type}\0{$order->id}" ), 0, 60 );
		if ( '1' !== (string) $wpdb->get_var( $wpdb->prepare( 'SELECT GET_LOCK(%s, 5)', $lock ) ) ) {
			throw new \RuntimeException( 'another order for the same is being carried out' );
		}
		try {
			return self::known( $order ) ?? self::once( $order );
		} finally {
			$wpdb->get_var( $wpdb->prepare( 'SELECT RELEASE_LOCK(%s)', $lock ) );
		}
	}

	/** @return string[] The logs whose orders are carried out here. */
	private static function sites(): array {
		$network = is_multisite() && is_main_site() ? array( Settings::site_of( 0 ) ) : array();
		return array( Settings::site_of( get_current_blog_id() ), ...$network );
	}

	/** A known order gets the answer that it got. */
	private static function known( Order $order ): ?array {
		global $wpdb;
		self::install();
		$answer = $wpdb->get_var( $wpdb->prepare( 'SELECT answer FROM ' . self::table() . ' WHERE idempotency_key = %s', $order->key ) );
		return null === $answer ? null : (array) json_decode( $answer );
	}

	private static function once( Order $order ): array {
		global $wpdb;
		Request::carry_out( $order );
		// Nobody is signed in, so WordPress would take markup out of what editors wrote.
		kses_remove_filters();
		$wpdb->query( 'START TRANSACTION' );
		try {
			$answer = self::apply( $order, Subject::of( $order ) );
			self::keep( $order, $answer );
			$wpdb->query( 'COMMIT' );
			return $answer;
		} catch ( \Throwable $error ) {
			$wpdb->query( 'ROLLBACK' );
			// What was read and written meanwhile is in caches.
			wp_cache_flush();
			throw $error;
		}
	}

	private static function apply( Order $order, Subject $subject ): array {
		$before = $subject->state();
		$plain  = self::plain( $before );
		$order->check( $plain );
		if ( null === $before && $order->remove ) {
			throw new Impossible( 'it is not there any more' );
		}
		$subject->touch( null === $before );
		if ( null === $before ) {
			$subject->make( $order->applied( array() ) );
		} else {
			$subject->change( $plain, $order->applied( $plain ) );
		}
		$after = $subject->state();
		$order->check_done( self::plain( $after ) ?? array() );
		return array( 'before' => null === $before ? null : (object) $before, 'after' => (object) ( $after ?? array() ) );
	}

	/** Objects as arrays, as the order has them. */
	private static function plain( ?array $state ): ?array {
		return null === $state ? null : json_decode( Value::json( $state ), true );
	}

	private static function keep( Order $order, array $answer ): void {
		global $wpdb;
		$kept = Outbox::query( $wpdb->prepare( 'INSERT INTO ' . self::table() . ' (idempotency_key, done, answer) VALUES (%s, %d, %s)', $order->key, time(), Value::json( $answer ) ) );
		if ( 1 !== $kept ) {
			throw new \RuntimeException( 'the answer could not be kept, so the order was not carried out' );
		}
		Outbox::query( $wpdb->prepare( 'DELETE FROM ' . self::table() . ' WHERE done < %d', time() - self::KNOWN_S ) );
	}

	private static function install(): void {
		global $wpdb;
		Outbox::query( 'CREATE TABLE IF NOT EXISTS ' . self::table() . ' (idempotency_key char(36) NOT NULL PRIMARY KEY, done bigint NOT NULL, answer longblob NOT NULL, KEY done (done)) ENGINE=InnoDB ' . $wpdb->get_charset_collate() );
	}
}
