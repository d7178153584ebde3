<?php
declare( strict_types=1 );

namespace Indelible\Stream;

use Indelible\Client;
use Indelible\Settings;

/** The arguments of Stream's list as a question to the server, and its answer as records. */
final class Query {
	/** A list that has to be walked stops here, as Stream's own export does. */
	private const WALKED_MAX = 10_000;
	private const FIELDS     = array( 'user_id', 'user_role', 'ip', 'object_id', 'site_id', 'blog_id', 'connector', 'context', 'action' );
	private const SORTED     = array( 'site_id', 'blog_id', 'object_id', 'user_id', 'user_role', 'summary', 'connector', 'context', 'action' );

	/** @var string[] Conditions in the filter language. */
	private array $conditions = array( 'connector:stream' );
	private ?int $blog        = null;

	public function __construct( private readonly array $args ) {
		$this->restrict();
		$this->fields();
		$this->ids();
		$this->dates();
		$this->search();
	}

	/** @return array{items: object[], count: int} */
	public function answer(): array {
		$size = max( 1, (int) ( $this->args['records_per_page'] ?? 20 ) );
		$skip = ( max( 1, (int) ( $this->args['paged'] ?? 1 ) ) - 1 ) * $size;
		if ( $this->is_walked() ) {
			[ $records ] = $this->records( 0, self::WALKED_MAX );
			$records     = $this->sorted( array_values( array_filter( $records, $this->is_found( ... ) ) ) );
			return array( 'items' => $this->cut( array_slice( $records, $skip, $size ) ), 'count' => count( $records ) );
		}
		[ $records, $count ] = $this->records( $skip, $size );
		return array( 'items' => $this->cut( $records ), 'count' => $count );
	}

	/** Outside of the network administration a site is shown its own records, whatever the URL asks for. */
	private function restrict(): void {
		if ( is_multisite() && ! is_network_admin() && ! is_super_admin() ) {
			$this->blog         = get_current_blog_id();
			$this->conditions[] = "data.blog_id:\"{$this->blog}\"";
		}
	}

	private function fields(): void {
		foreach ( self::FIELDS as $field ) {
			$value = $this->args[ $field ] ?? null;
			if ( is_scalar( $value ) && '' !== (string) $value ) {
				$this->conditions[] = self::any( $field, array( $value ) );
			}
			$this->lists( $field );
		}
	}

	private function ids(): void {
		$record = $this->args['record'] ?? null;
		if ( is_scalar( $record ) && '' !== (string) $record ) {
			$this->conditions[] = self::any( 'ID', array( $record ) );
		}
		$this->lists( 'record', 'ID' );
	}

	private function lists( string $argument, ?string $field = null ): void {
		$in  = self::values_of( $this->args[ "{$argument}__in" ] ?? array() );
		$not = self::values_of( $this->args[ "{$argument}__not_in" ] ?? array() );
		if ( $in ) {
			$this->conditions[] = self::any( $field ?? $argument, $in );
		}
		if ( $not ) {
			$this->conditions[] = 'NOT ' . self::any( $field ?? $argument, $not );
		}
	}

	private static function values_of( mixed $list ): array {
		$list = is_array( $list ) ? $list : explode( ',', (string) $list );
		return array_filter( $list, static fn ( $value ): bool => is_scalar( $value ) && '' !== (string) $value );
	}

	private static function any( string $field, array $values ): string {
		$one = static fn ( $value ): string => "data.$field:" . self::quoted( (string) $value );
		return '(' . implode( ' OR ', array_map( $one, $values ) ) . ')';
	}

	private static function quoted( string $text ): string {
		return '"' . addcslashes( $text, '"\\' ) . '"';
	}

	/** Whole days in the site's time zone; date_after and date_before are exact and do not include themselves. */
	private function dates(): void {
		$from = self::day( $this->args['date_from'] ?? $this->args['date'] ?? null ) ?? self::day( $this->args['date'] ?? null );
		$to   = self::day( $this->args['date_to'] ?? $this->args['date'] ?? null ) ?? self::day( $this->args['date'] ?? null );
		if ( $from ) {
			$this->conditions[] = 'created>=' . $from->setTimezone( new \DateTimeZone( 'UTC' ) )->format( 'Y-m-d\TH:i:s\Z' );
		}
		if ( $to ) {
			$end                = $to->modify( '+1 day' )->setTimezone( new \DateTimeZone( 'UTC' ) );
			$this->conditions[] = 'created<' . $end->format( 'Y-m-d\TH:i:s\Z' );
		}
		foreach ( array( 'date_after' => '>', 'date_before' => '<' ) as $argument => $operator ) {
			$time = (string) ( $this->args[ $argument ] ?? '' );
			$time = '' === $time ? false : date_create_immutable( $time, wp_timezone() );
			if ( $time ) {
				$this->conditions[] = "created$operator" . $time->setTimezone( new \DateTimeZone( 'UTC' ) )->format( 'Y-m-d\TH:i:s.v\Z' );
			}
		}
	}

	private static function day( mixed $date ): ?\DateTimeImmutable {
		if ( ! is_string( $date ) || ! preg_match( '#^(\d{4})[/-](\d{1,2})[/-](\d{1,2})#', $date, $found ) ) {
			return null;
		}
		return ( new \DateTimeImmutable( 'now', wp_timezone() ) )->setDate( (int) $found[1], (int) $found[2], (int) $found[3] )->setTime( 0, 0 );
	}

	/** Part of a column, in any case. An id is found exactly: that is how Stream gets one record. */
	private function search(): void {
		$search = $this->text();
		$field  = $this->search_field();
		if ( '' === $search ) {
			return;
		}
		if ( 'ID' === $field ) {
			$this->conditions[] = self::any( 'ID', array( $search ) );
		} elseif ( 'summary' === $field ) {
			// Narrows down; what has more than one word or marks of the filter language is compared here again.
			foreach ( preg_split( '/[^\p{L}\p{N}]+/u', $search, -1, PREG_SPLIT_NO_EMPTY ) as $piece ) {
				$this->conditions[] = "summary:*$piece*";
			}
		}
	}

	private function text(): string {
		return is_scalar( $this->args['search'] ?? null ) ? (string) $this->args['search'] : '';
	}

	private function search_field(): string {
		$field = (string) ( $this->args['search_field'] ?? 'summary' );
		return in_array( $field, Mapper::COLUMNS, true ) ? $field : 'summary';
	}

	/** Whether the server cannot decide or sort it alone. */
	private function is_walked(): bool {
		$search  = $this->text();
		$decided = '' === $search || 'ID' === $this->search_field() || 'summary' === $this->search_field() && preg_match( '/^[\p{L}\p{N}]+$/u', $search );
		return ! $decided || in_array( $this->args['orderby'] ?? '', self::SORTED, true );
	}

	private function is_found( object $record ): bool {
		$search = $this->text();
		$field  = $this->search_field();
		return '' === $search || 'ID' === $field || false !== mb_stripos( (string) ( $record->$field ?? '' ), $search );
	}

	private function sorted( array $records ): array {
		$by = $this->args['orderby'] ?? '';
		if ( ! in_array( $by, self::SORTED, true ) ) {
			return $records; // As it was walked: by time.
		}
		$numbers = in_array( $by, array( 'site_id', 'blog_id', 'object_id', 'user_id' ), true );
		$sign    = $this->is_ascending() ? 1 : -1;
		$compare = static fn ( object $one, object $other ): int => $numbers ? (int) $one->$by <=> (int) $other->$by : strcasecmp( (string) $one->$by, (string) $other->$by );
		usort( $records, static fn ( object $one, object $other ): int => $sign * ( $compare( $one, $other ) ?: (int) $one->ID <=> (int) $other->ID ) );
		return $records;
	}

	private function is_ascending(): bool {
		return 'asc' === strtolower( (string) ( $this->args['order'] ?? 'desc' ) );
	}

	/** Only the columns that were asked for. */
	private function cut( array $records ): array {
		$fields = array_intersect( (array) ( $this->args['fields'] ?? array() ), Mapper::COLUMNS );
		if ( ! $fields ) {
			return $records;
		}
		return array_map( static fn ( object $record ): object => (object) array_intersect_key( (array) $record, array_flip( $fields ) ), $records );
	}

	/** @return array{object[], int} Some records after some others, and how many there are. */
	private function records( int $skip, int $size ): array {
		$query   = array( 'q' => implode( ' ', $this->conditions ), 'sort' => $this->is_ascending() ? 'timestamp' : '-timestamp', 'count' => 'exact' );
		$records = array();
		$count   = 0;
		$cursor  = null;
		do {
			// Pages have cursors and no numbers, so pages before are walked over in large steps.
			$limit = min( 1000, $skip + $size - count( $records ) );
			$page  = Client::read( self::path( $this->blog ), $query + array( 'limit' => $limit ) + ( null === $cursor ? array() : array( 'cursor' => $cursor ) ) );
			if ( 200 !== $page['status'] ) {
				self::unavailable( $page['error'] );
				break;
			}
			$count   = (int) ( $page['body']['page']['total'] ?? $count );
			$records = array_merge( $records, array_map( Mapper::record( ... ), $page['body']['data'] ) );
			$cursor  = $page['body']['page']['next'] ?? null;
		} while ( null !== $cursor && count( $records ) < $skip + $size );
		return array( array_slice( $records, $skip, $size ), $count );
	}

	private static function path( ?int $blog ): string {
		if ( null !== $blog ) {
			return '/sites/' . Settings::site_of( $blog ) . '/entries';
		}
		return is_multisite() ? '/entries' : '/sites/' . Settings::site_of( get_current_blog_id() ) . '/entries';
	}

	/** The list is empty then, and says why. */
	private static function unavailable( string $error ): void {
		error_log( "Indelible: reading records failed: $error" );
		add_action( 'wp_stream_after_list_table', static fn () => printf( '<p class="error">%s</p>', esc_html( $error ) ) );
	}

	/** Distinct values of a column among the newest thousand records; for users, all that there are. */
	public static function values( string $column ): array {
		if ( 'user_id' === $column ) {
			$users = get_users( array( 'fields' => 'ID', 'number' => 1000, 'blog_id' => is_network_admin() ? 0 : get_current_blog_id() ) );
			return array( '0', ...array_map( 'strval', $users ) );
		}
		if ( ! in_array( $column, Mapper::COLUMNS, true ) ) {
			return array();
		}
		static $newest = null;
		$newest ??= ( new self( array( 'records_per_page' => 1000 ) ) )->answer()['items'];
		$values = array_map( static fn ( object $record ): string => (string) ( $record->$column ?? '' ), $newest );
		return array_values( array_unique( array_filter( $values, static fn ( string $value ): bool => '' !== $value ) ) );
	}
}
